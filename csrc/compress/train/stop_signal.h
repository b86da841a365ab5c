#pragma once

#include <string>

#include "compress/core/error.h"

namespace compress::train {

/// Turns SIGTERM and SIGINT into a request to stop after the current step. A second one ends the process as usual.
void install_stop_handlers();

/// The signal that asked to stop; 0 while none has.
int requested_stop();

/// A run that stopped by a signal, its checkpoint written. The command exits with 128 + signal.
class Interrupted : public Error {
 public:
  Interrupted(int signal, const std::string& message) : Error(message), signal_(signal) {}
  int signal() const { return signal_; }

 private:
  int signal_;
};

}  // namespace compress::train
