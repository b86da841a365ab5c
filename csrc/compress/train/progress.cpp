#include "compress/train/progress.h"

#include <cstdio>

namespace compress::train {
namespace {

constexpr int bar_width = 24;
constexpr auto redraw_after = std::chrono::milliseconds(100);

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string bar(double done) {
  const int filled = static_cast<int>(done * bar_width);
  return "[" + std::string(filled, '#') + std::string(bar_width - filled, '.') + "]";
}

}  // namespace

void Progress::on_start(const TrainingState& state, const std::vector<recipe::PlanRow>& plan) {
  begin_ = drawn_ = Clock::now();
  first_step_ = state.step;
}

std::string Progress::numbers(const TrainingState& state) const {
  std::string text = format("step %lld/%lld  epoch %.1f", static_cast<long long>(state.step),
                            static_cast<long long>(state.run.total_steps), state.epoch());
  if (newest_) {
    text += format("  loss %.4f", newest_->loss);
    for (const auto& [name, value] : newest_->metrics) {
      text += format("  %s %.3f", name.c_str(), value);
    }
  }
  if (evaluation_) {
    text += format("  test accuracy %.2f%%", 100 * evaluation_->accuracy);
  }
  return text;
}

void Progress::on_step(const TrainingState& state) {
  const int64_t total = state.run.total_steps;
  if (!log_->on_terminal()) {
    if (state.step * 10 / total > (state.step - 1) * 10 / total && state.step < total) {
      log_->line(title_ + ": " + numbers(state));
    }
    return;
  }
  const Clock::time_point now = Clock::now();
  if (now - drawn_ < redraw_after) {
    return;
  }
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double left = seconds / static_cast<double>(state.step - first_step_) * static_cast<double>(total - state.step);
  log_->status(title_ + " " + bar(static_cast<double>(state.step) / static_cast<double>(total)) + " " + numbers(state) +
               format("  %.0f s left", left));
}

void Progress::on_end(const TrainingState& state) {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  log_->line(title_ + ": " + numbers(state) + format("  (%.1f s)", seconds));
}

}  // namespace compress::train
