#pragma once

#include "model/fwd.h"
#include "model/jobspec/decode.h"

namespace drover::model::jobspec {

/// What the table cannot say: shorthands, blocks that are given at a higher level than they belong to, defaults that
/// the file format itself has.
class JobDecoder final : public Decoder {
 public:
  using Decoder::Decoder;

 private:
  void finish(const DecodedBlock& decoded) override;

  void job(const DecodedBlock& decoded);
  void group(const DecodedBlock& decoded);
  void task(const DecodedBlock& decoded);
  void task_scaling_labels(const DecodedBlock& decoded);
  void constraint(const DecodedBlock& decoded);
  void affinity(const DecodedBlock& decoded);
  void group_scaling(const DecodedBlock& decoded);
  void refuse(const DecodedBlock& decoded, const char* argument, std::string summary, std::string detail);
};

}  // namespace drover::model::jobspec
