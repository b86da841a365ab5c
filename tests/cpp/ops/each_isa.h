#pragma once

#include <gtest/gtest.h>

#include "compress/ops/cpu/isa/isa.h"

namespace compress {

/// Runs body once per instruction set that this processor has, and puts the choice back.
template <typename Body>
void for_each_isa(const Body& body) {
  const cpu::Isa before = cpu::active_isa();
  for (int isa = 0; isa <= static_cast<int>(cpu::best_isa()); ++isa) {
    cpu::set_active_isa(static_cast<cpu::Isa>(isa));
    SCOPED_TRACE(cpu::name_of(cpu::active_isa()));
    body();
  }
  cpu::set_active_isa(before);
}

}  // namespace compress
