#include "compress/train/stop_signal.h"

#include <csignal>

namespace compress::train {
namespace {

volatile std::sig_atomic_t stop = 0;

void request_stop(int signal) {
  stop = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void install_stop_handlers() {
  std::signal(SIGTERM, request_stop);
  std::signal(SIGINT, request_stop);
}

int requested_stop() {
  return stop;
}

}  // namespace compress::train
