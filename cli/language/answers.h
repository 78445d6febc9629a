#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/hcl/function.h"
#include "base/value/value.h"
#include "cli/language/place.h"

/// What a language server says of a text: pure functions from a text and a place to the protocol's values.
namespace drover::cli::language {

struct Document {
  std::string uri;
  std::string path;  ///< of the machine; empty where it is no file
  std::string text;
};

/// Gives the files that functions of a document may read; null where they may not.
using FilesOf = std::function<std::unique_ptr<hcl::Files>(const Document&)>;

/// The protocol's list of diagnostics. Whole job files are evaluated, other files only read.
Value diagnostics(const Document& document, const FilesOf& files_of);
/// What may be written at the place: arguments and blocks, the texts that an argument takes, functions, variables.
Value completions(const Document& document, std::size_t offset);
/// What the word at the place means; null where nothing is known.
Value hover(const Document& document, std::size_t offset);
/// Blocks within blocks, for an outline.
Value symbols(const Document& document);
/// One edit that lays the whole text out; an empty list where it does not parse or is laid out already.
Value formatting(const Document& document);

}  // namespace drover::cli::language
