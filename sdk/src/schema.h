#pragma once

#include <drover/config.h>

#include "base/value/value.h"
#include "sdk/proto/hclspec.pb.h"

/// The author's declaration of a configuration, on the wire and back.
namespace drover::sdk {

void to_wire(const ConfigSchema& schema, hashicorp::nomad::plugins::shared::hclspec::Spec& spec);

/// A configuration as the author's code reads it. `value` must outlive what is made of it.
inline ConfigValue config_root(const Value& value) { return ConfigValue(&value, "config"); }

}  // namespace drover::sdk
