#include "compress/export/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compress/core/error.h"
#include "compress/export/text_format.h"
#include "compress/train/run_folder.h"

namespace compress {
namespace {

using Json = nlohmann::ordered_json;

constexpr double smallest_speed_difference = 0.10;  // of the slower one; less is not called a difference
constexpr const char* teacher_name = "the teacher";

Json measured_json(const Measured& measured) {
  Json json = Json::object();
  if (measured.accuracy) {
    json["accuracy"] = *measured.accuracy;
  }
  if (measured.loss) {
    json["loss"] = *measured.loss;
  }
  json["parameters"] = measured.count.parameters;
  json["nonzero_parameters"] = measured.count.nonzero;
  if (measured.bytes_on_disk) {
    json["bytes_on_disk"] = *measured.bytes_on_disk;
  }
  if (measured.state_dict_bytes) {
    json["state_dict_bytes"] = *measured.state_dict_bytes;
  }
  if (measured.latency) {
    json["latency_ms"] = measured.latency->median_ms;
    json["latency_spread_ms"] = measured.latency->spread_ms;
  }
  return json;
}

Json layer_json(const LayerSummary& layer) {
  Json json{{"name", layer.name}, {"type", layer.type}, {"parameters", layer.parameters}, {"bytes", layer.bytes}};
  if (layer.weights > 0) {
    json["shape"] = layer.shape;
    json["sparsity"] = layer.sparsity;
    json["weight_bits"] = layer.weight_bits;
  }
  if (layer.input_bits) {
    json["input_bits"] = *layer.input_bits;
  }
  if (!layer.coding.empty()) {
    json["coding"] = layer.coding;
  }
  return json;
}

// ---- verdict, one clause a function; empty where it was not measured

std::string size_clause(const Measured& own, const Measured& other) {
  if (own.bytes_on_disk.value_or(0) <= 0 || other.bytes_on_disk.value_or(0) <= 0) {
    return "";
  }
  const auto bytes = static_cast<double>(*own.bytes_on_disk);
  const auto others = static_cast<double>(*other.bytes_on_disk);
  const std::string unpacked =
      own.state_dict_bytes ? concat("; its state dict, not packed, takes ", with_thousands(*own.state_dict_bytes)) : "";
  const std::string numbers = concat(" (", with_thousands(*own.bytes_on_disk), " against ",
                                     with_thousands(*other.bytes_on_disk), " bytes", unpacked, ")");
  const char* file = own.state_dict_bytes ? "the packed file" : "the file";
  if (std::max(bytes, others) < 1.05 * std::min(bytes, others)) {
    return concat(file, " is about as large", numbers);
  }
  return concat(file, " is ", fixed(std::max(bytes, others) / std::min(bytes, others), 1), " times ",
                bytes < others ? "smaller" : "larger", numbers);
}

std::string accuracy_clause(const Measured& own, const Measured& other) {
  if (own.accuracy && other.accuracy) {
    const double points = 100 * (*own.accuracy - *other.accuracy);
    if (std::abs(points) < 0.005) {
      return concat("accuracy is equal (", percent(*own.accuracy), ")");
    }
    return concat("accuracy is ", fixed(std::abs(points), 2), " points ", points < 0 ? "lower" : "higher", " (",
                  percent(*own.accuracy), " against ", percent(*other.accuracy), ")");
  }
  if (own.loss && other.loss) {
    return concat("loss is ", fixed(*own.loss, 4), " against ", fixed(*other.loss, 4));
  }
  return "";
}

bool differs(const Latency& a, const Latency& b) {
  const double difference = std::abs(a.median_ms - b.median_ms);
  return difference > smallest_speed_difference * std::max(a.median_ms, b.median_ms) &&
         difference > a.spread_ms + b.spread_ms;
}

bool rounds_inputs(const Report& report) {
  return std::any_of(report.layers.begin(), report.layers.end(),
                     [](const LayerSummary& layer) { return layer.input_bits.has_value(); });
}

std::string latency_clause(const Report& report, const Measured& other) {
  if (!report.compressed.latency || !other.latency) {
    return "";
  }
  const Latency& own = *report.compressed.latency;
  const Latency& others = *other.latency;
  const std::string place = report.device.empty() ? " here" : concat(" here (", report.device, ")");
  const std::string numbers = concat(": ", fixed(own.median_ms, 3), " ms against ", fixed(others.median_ms, 3),
                                     " ms a forward pass of ", report.batch);
  const std::string reason = concat(", since its weights run as dense ", report.weight_type, " on this device");
  if (!differs(own, others)) {
    return concat("no speed-up", place, numbers, reason);
  }
  if (own.median_ms > others.median_ms) {
    return concat(fixed(own.median_ms / others.median_ms, 1), " times slower", place, numbers, reason,
                  rounds_inputs(report) ? ", and rounding layers' inputs takes its own time" : "");
  }
  return concat(fixed(others.median_ms / own.median_ms, 1), " times faster", place, numbers);
}

std::string comparison(const Report& report, const Measured& other, const std::string& name) {
  std::string clauses;
  for (const std::string& clause : {size_clause(report.compressed, other), accuracy_clause(report.compressed, other),
                                    latency_clause(report, other)}) {
    if (!clause.empty()) {
      clauses += (clauses.empty() ? "" : "; ") + clause;
    }
  }
  return clauses.empty() ? "" : concat("Against ", name, ": ", clauses, ". ");
}

std::string sparsity_sentence(const Report& report) {
  if (report.sparsity <= 0) {
    return "No weight was pruned. ";
  }
  const ParameterCount& count = report.compressed.count;
  return concat(percent(report.sparsity, 1), " of ", report.sparsity_of, " are zero; ", with_thousands(count.nonzero),
                " of all ", with_thousands(count.parameters), " parameters are not. ");
}

// ---- table

std::string or_dash(const std::optional<double>& value, std::string (*format)(double)) {
  return value ? format(*value) : "-";
}

TableRow table_row(const std::string& name, const Measured& measured) {
  return {name,
          or_dash(measured.accuracy, [](double value) { return percent(value); }),
          or_dash(measured.loss, [](double value) { return fixed(value, 4); }),
          with_thousands(measured.count.parameters),
          with_thousands(measured.count.nonzero),
          measured.bytes_on_disk ? with_thousands(*measured.bytes_on_disk) : "-",
          measured.latency
              ? concat(fixed(measured.latency->median_ms, 3), " (spread ", fixed(measured.latency->spread_ms, 3), ")")
              : "-"};
}

std::vector<TableRow> table_rows(const Report& report) {
  std::vector<TableRow> rows{{"model", "accuracy", "loss", "parameters", "nonzero", "bytes on disk", "latency in ms"}};
  if (report.teacher) {
    rows.push_back(table_row("teacher", *report.teacher));
  }
  if (report.float_model) {
    rows.push_back(table_row("float", *report.float_model));
  }
  rows.push_back(table_row("compressed", report.compressed));
  return rows;
}

}  // namespace

std::string verdict(const Report& report) {
  std::string text;
  if (report.float_model) {
    text += comparison(report, *report.float_model, report.float_name);
  } else {
    text +=
        "The same network was not trained in plain float, so nothing is said about what compression cost or "
        "gained against it. ";
  }
  text += sparsity_sentence(report);
  if (report.teacher) {
    text += comparison(report, *report.teacher, teacher_name);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string report_json(const Report& report) {
  Json json = Json::object();
  if (report.float_model) {
    json["float"] = measured_json(*report.float_model);
  }
  if (report.teacher) {
    json["teacher"] = measured_json(*report.teacher);
  }
  json["compressed"] = measured_json(report.compressed);
  json["sparsity"] = report.sparsity;
  json["device"] = report.device;
  json["batch"] = report.batch;
  for (const LayerSummary& layer : report.layers) {
    json["layers"].push_back(layer_json(layer));
  }
  json["verdict"] = verdict(report);
  return json.dump(2) + "\n";
}

std::string report_markdown(const Report& report) {
  std::string text = "# Report\n\n" + markdown_table(table_rows(report), 1) + "\n" + verdict(report) + "\n";
  return report.layers.empty() ? text : text + "\n## Layers\n\n" + summary_markdown(report.layers);
}

std::string report_text(const Report& report) {
  std::string text = aligned_table(table_rows(report), 1) + "\n" + verdict(report) + "\n";
  return report.layers.empty() ? text : text + "\n" + summary_table(report.layers);
}

void write_report(const std::filesystem::path& folder, const Report& report) {
  train::write_text_atomically(folder / "report.json", report_json(report));
  train::write_text_atomically(folder / "report.md", report_markdown(report));
}

}  // namespace compress
