#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/hcl/diagnostic.h"
#include "base/hcl/format.h"
#include "base/hcl/parser.h"
#include "model/jobspec/jobspec.h"

/// How long job files take, beside a copy of their bytes. Prints a row each, as bench.py does.
namespace {

using namespace drover;

/// A group with one task: 24 lines.
std::string group(int n) {
  const std::string name = std::to_string(n);
  return "  group \"g" + name + "\" {\n    count = 2\n    network {\n      port \"http\" { to = 8080 }\n    }\n    service {\n      name = \"web-" + name +
         "\"\n      port = \"http\"\n      tags = [\"v1\", \"${var.tag}\"]\n    }\n    task \"server\" {\n      driver = \"docker\"\n      config {\n        image = \"registry/web:${var.tag}\"\n"
         "        args  = [\"-listen\", \":8080\", \"-name\", upper(\"web\")]\n      }\n      env {\n        REGION = \"${node.region}\"\n      }\n      resources {\n        cpu    = 500\n"
         "        memory = 256\n      }\n    }\n  }\n";
}

std::string job(int groups) {
  std::string text = "variable \"tag\" {\n  default = \"1.2.3\"\n}\n\njob \"web\" {\n";
  for (int i = 0; i < groups; ++i) text += group(i);
  return text + "}\n";
}

/// The median of some runs, in microseconds.
template <class Work>
double microseconds(int runs, const Work& work) {
  std::vector<double> series;
  for (int i = 0; i < runs; ++i) {
    const auto started = std::chrono::steady_clock::now();
    work();
    series.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count());
  }
  std::nth_element(series.begin(), series.begin() + runs / 2, series.end());
  return series[static_cast<std::size_t>(runs / 2)];
}

void row(const char* what, double us, const char* budget) { std::printf("%-56s %20.1f us   budget %s\n", what, us, budget); }

void measure(const char* name, const std::string& text, int runs, const char* budget) {
  std::vector<char> copy(text.size());
  const auto label = [name, &text](const char* what) { return std::string(name) + " (" + std::to_string(text.size()) + " bytes): " + what; };
  const volatile char* keep = copy.data();
  row(label("bytes copied").c_str(), microseconds(runs, [&] { std::memcpy(copy.data(), text.data(), text.size()); }), "-");
  if (keep == nullptr) return;
  row(label("parsed").c_str(), microseconds(runs, [&] {
        hcl::Diagnostics out;
        hcl::parse_file("bench.hcl", text, out);
      }), "-");
  row(label("laid out").c_str(), microseconds(runs, [&] { hcl::format(text); }), "-");
  row(label("parsed and evaluated as a job").c_str(), microseconds(runs, [&] { model::parse_job(text, "bench.hcl", {}); }), budget);
}

}  // namespace

int main() {
  measure("job of 100 lines", job(4), 201, "300 us");
  measure("job of 1 MB", job(1'660), 5, "linear: 1 MB / 2.4 kB times the row above");
  measure("job of 2 MB", job(3'320), 5, "twice the row above");
  return 0;
}
