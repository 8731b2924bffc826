#include "shipset/base/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "shipset/base/file.hpp"

extern char** environ;

namespace shipset {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds grace{2000};   // between SIGTERM and SIGKILL
constexpr milliseconds slice{50};     // how often stop and time limit are looked at
constexpr milliseconds linger{1000};  // how long output is read on after the child has ended

struct Pipe {
  int read_end = -1, write_end = -1;
  ~Pipe() { close_both(); }
  Result<void> open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return io_error("cannot create a pipe", errno);
    read_end = ends[0];
    write_end = ends[1];
    return {};
  }
  static void close_one(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  void close_both() {
    close_one(read_end);
    close_one(write_end);
  }
};

/// Splits a stream into lines and keeps its last bytes.
class LineSplitter {
 public:
  LineSplitter(const ProcessSpec& spec, bool is_stderr, std::string& kept)
      : spec_(spec), is_stderr_(is_stderr), kept_(kept) {}
  void add(std::string_view bytes) {
    kept_ += bytes;
    if (kept_.size() > 2 * spec_.output_limit) kept_.erase(0, kept_.size() - spec_.output_limit);
    if (!spec_.on_line) return;
    for (char c : bytes) {
      if (c == '\n' || line_.size() >= spec_.line_limit) flush();
      if (c != '\n') line_ += c;
    }
  }
  void end() {
    if (spec_.on_line && !line_.empty()) flush();
    if (kept_.size() > spec_.output_limit) kept_.erase(0, kept_.size() - spec_.output_limit);
  }

 private:
  void flush() {
    spec_.on_line(line_, is_stderr_);
    line_.clear();
  }
  const ProcessSpec& spec_;
  bool is_stderr_;
  std::string& kept_;
  std::string line_;
};

std::vector<std::string> child_environment(const ProcessSpec& spec) {
  std::map<std::string, std::string> all;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos)
      all.insert_or_assign(std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1)));
  }
  for (const auto& name : spec.unset_env) all.erase(name);
  for (const auto& [name, value] : spec.env) all.insert_or_assign(name, value);
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Result<pid_t> spawn(const ProcessSpec& spec, const Pipe& in, const Pipe& out, const Pipe& err) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, in.read_end, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, 1);
  posix_spawn_file_actions_adddup2(&actions, err.write_end, 2);
  if (!spec.directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, spec.directory.c_str());
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&defaults, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  auto arguments = spec.argv;
  auto environment = child_environment(spec);
  pid_t pid = -1;
  const int outcome = posix_spawnp(&pid, arguments.front().c_str(), &actions, &attributes, pointers(arguments).data(),
                                   pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (outcome != 0) {
    Error error = io_error("cannot start " + spec.argv.front(), outcome);
    if (outcome == ENOENT)
      error.hint = "install " + spec.argv.front() + ", or put it into PATH; check the working folder";
    return error;
  }
  return pid;
}

/// Writes without SIGPIPE reaching the process when the child has closed its input.
ssize_t write_quietly(int fd, const char* data, std::size_t size) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t count = ::write(fd, data, size);
  const int reason = errno;
  if (count < 0 && reason == EPIPE) {
    const timespec now{};
    while (sigtimedwait(&pipe_signal, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = reason;
  return count;
}

class Child {
 public:
  Child(const ProcessSpec& spec, const CancelToken& cancel, ProcessOutcome& outcome)
      : spec_(spec),
        cancel_(cancel),
        outcome_(outcome),
        out_lines_(spec, false, outcome.out),
        err_lines_(spec, true, outcome.err) {}

  Result<void> run() {
    SHIPSET_CHECK(in_.open());
    SHIPSET_CHECK(out_.open());
    SHIPSET_CHECK(err_.open());
    started_ = Clock::now();
    SHIPSET_TRY(pid_, spawn(spec_, in_, out_, err_));
    Pipe::close_one(in_.read_end);
    Pipe::close_one(out_.write_end);
    Pipe::close_one(err_.write_end);
    ::fcntl(in_.write_end, F_SETFL, O_NONBLOCK);
    if (spec_.input.empty()) Pipe::close_one(in_.write_end);
    while (!finished()) {
      obey_limits();
      exchange();
      reap();
    }
    out_lines_.end();
    err_lines_.end();
    outcome_.duration = std::chrono::duration_cast<milliseconds>(Clock::now() - started_);
    return {};
  }

 private:
  [[nodiscard]] bool finished() const {
    if (!reaped_) return false;
    return (out_.read_end < 0 && err_.read_end < 0) || Clock::now() - ended_ > linger;
  }

  void obey_limits() {
    if (reaped_) return;
    const auto now = Clock::now();
    if (!stopping_) {
      outcome_.cancelled = cancel_.cancelled();
      outcome_.timed_out = !outcome_.cancelled && spec_.timeout && now - started_ >= *spec_.timeout;
      if (!outcome_.cancelled && !outcome_.timed_out) return;
      stopping_ = true;
      stopped_ = now;
      ::kill(-pid_, SIGTERM);
    } else if (now - stopped_ >= grace) {
      ::kill(-pid_, SIGKILL);
    }
  }

  void exchange() {
    std::array<pollfd, 3> fds{pollfd{out_.read_end, POLLIN, 0}, pollfd{err_.read_end, POLLIN, 0},
                              pollfd{in_.write_end, POLLOUT, 0}};
    if (::poll(fds.data(), fds.size(), static_cast<int>(slice.count())) <= 0) return;
    if (fds[0].revents != 0) drain(out_.read_end, out_lines_);
    if (fds[1].revents != 0) drain(err_.read_end, err_lines_);
    if (fds[2].revents != 0) feed();
  }

  static void drain(int& fd, LineSplitter& lines) {
    std::array<char, 16 * 1024> buffer{};
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) {
      lines.add({buffer.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || errno != EINTR) {
      Pipe::close_one(fd);
    }
  }

  void feed() {
    const ssize_t count = write_quietly(in_.write_end, spec_.input.data() + fed_, spec_.input.size() - fed_);
    if (count > 0) fed_ += static_cast<std::size_t>(count);
    const bool broken = count < 0 && errno != EAGAIN && errno != EINTR;
    if (broken || fed_ == spec_.input.size()) Pipe::close_one(in_.write_end);
  }

  void reap() {
    if (reaped_) return;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
    reaped_ = true;
    ended_ = Clock::now();
    outcome_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    Pipe::close_one(in_.write_end);
    // Whatever of the group is left after a stop must not go on working.
    if (stopping_) ::kill(-pid_, SIGKILL);
  }

  const ProcessSpec& spec_;
  const CancelToken& cancel_;
  ProcessOutcome& outcome_;
  LineSplitter out_lines_, err_lines_;
  Pipe in_, out_, err_;
  pid_t pid_ = -1;
  std::size_t fed_ = 0;
  bool reaped_ = false, stopping_ = false;
  Clock::time_point started_, stopped_, ended_;
};

}  // namespace

Result<ProcessOutcome> run_process(const ProcessSpec& spec, const CancelToken& cancel) {
  if (spec.argv.empty() || spec.argv.front().empty())
    return Error(ErrorKind::usage, "cannot start a program", "the command is empty");
  ProcessOutcome outcome;
  SHIPSET_CHECK(Child(spec, cancel, outcome).run());
  return outcome;
}

}  // namespace shipset
