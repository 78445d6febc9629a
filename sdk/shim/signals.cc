#include <cctype>
#include <charconv>
#include <csignal>

#include <drover/process.h>

namespace drover::sdk {

namespace {

struct Named {
  const char* name;
  int number;
};

constexpr Named signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CONT", SIGCONT},     {"FPE", SIGFPE},   {"HUP", SIGHUP},
    {"ILL", SIGILL},   {"INT", SIGINT},   {"IO", SIGIO},     {"IOT", SIGABRT},  {"KILL", SIGKILL},     {"PIPE", SIGPIPE}, {"PROF", SIGPROF},
    {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STOP", SIGSTOP}, {"STKFLT", SIGSTKFLT}, {"SYS", SIGSYS},   {"TERM", SIGTERM},
    {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"URG", SIGURG},       {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"NULL", 0}};

/// -1 unless all of the text is a number.
int whole_number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : -1;
}

}  // namespace

Result<int> parse_signal(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string_view rest = upper;
  if (const int number = whole_number(rest); number >= 0 && number <= SIGRTMAX) return number;
  if (rest.starts_with("SIG")) rest.remove_prefix(3);
  for (const Named& signal : signals)
    if (rest == signal.name) return signal.number;
  if (rest == "RTMIN") return SIGRTMIN;
  if (rest == "RTMAX") return SIGRTMAX;
  if (rest.starts_with("RTMIN+"))
    if (const int offset = whole_number(rest.substr(6)); offset >= 0 && SIGRTMIN + offset <= SIGRTMAX) return SIGRTMIN + offset;
  if (rest.starts_with("RTMAX-"))
    if (const int offset = whole_number(rest.substr(6)); offset >= 0 && SIGRTMAX - offset >= SIGRTMIN) return SIGRTMAX - offset;
  return fail(Code::invalid, "invalid signal '{}'", name);
}

std::string signal_name(int number) {
  for (const Named& signal : signals)
    if (signal.number == number && number != 0) return std::string("SIG") + signal.name;
  if (number >= SIGRTMIN && number <= SIGRTMAX) return number == SIGRTMIN ? "SIGRTMIN" : text("SIGRTMIN+{}", number - SIGRTMIN);
  return text("signal {}", number);
}

}  // namespace drover::sdk
