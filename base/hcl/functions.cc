#include "base/hcl/functions_impl.h"

namespace drover::hcl {

namespace {

Functions all_functions() {
  Functions out;
  detail::add_number_functions(out);
  detail::add_string_functions(out);
  detail::add_format_functions(out);
  detail::add_collection_functions(out);
  detail::add_set_functions(out);
  detail::add_encoding_functions(out);
  detail::add_yaml_functions(out);
  detail::add_hash_functions(out);
  detail::add_address_functions(out);
  detail::add_time_functions(out);
  detail::add_file_functions(out);
  return out;
}

}  // namespace

Functions standard_functions(World world) {
  static const Functions all = all_functions();  // a hundred entries, for every file that is read
  return Functions(world, all);
}

}  // namespace drover::hcl
