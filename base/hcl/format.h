#pragma once

#include <string>
#include <string_view>

namespace drover::hcl {

/// Lays a text out in the language's one usual way: two spaces a level, equals signs and trailing comments of
/// neighbouring lines one below the other, single spaces between what belongs apart. Line breaks, comments and the
/// inside of quoted texts and heredocs stay as they are, so the text means what it meant. Doing it again changes
/// nothing. For a text that parses; of any other it changes white space only, too.
std::string format(std::string_view text);

}  // namespace drover::hcl
