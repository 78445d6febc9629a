#include "api/paging.h"

#include <charconv>

#include <drover/result.h>

namespace drover::api {

std::string to_token(const PlaceByIndex& place) { return text("{}.{}", place.index, place.id); }

PlaceByIndex parse_place(std::string_view token) {
  const auto dot = token.find('.');
  PlaceByIndex place;
  if (dot != std::string_view::npos) {
    const auto [end, error] = std::from_chars(token.data(), token.data() + dot, place.index);
    if (error == std::errc() && end == token.data() + dot) {
      place.id = token.substr(dot + 1);
      return place;
    }
  }
  place.index = 0;
  place.id = token;
  return place;
}

}  // namespace drover::api
