#include "shipset/base/operation.hpp"

#include "catch_shim.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/secret.hpp"

using namespace shipset;
using std::chrono::milliseconds;

namespace {
Event event(EventKind kind, std::string subject, std::uint64_t bytes = 0) {
  Event out;
  out.kind = kind;
  out.subject = std::move(subject);
  out.bytes = bytes;
  return out;
}
}  // namespace

TEST_CASE("event queue, progress of one blob, is merged and state changes are not") {
  EventQueue queue;
  queue.push(event(EventKind::blob_started, "a"));
  for (std::uint64_t i = 1; i <= 1000; ++i) queue.push(event(EventKind::blob_progress, "a", i));
  queue.push(event(EventKind::blob_progress, "b", 7));
  queue.push(event(EventKind::blob_finished, "a"));
  queue.push(event(EventKind::blob_progress, "a", 2000));
  std::vector<Event> batch;
  REQUIRE(queue.wait(milliseconds(0), batch));
  REQUIRE(batch.size() == 5);
  CHECK(batch[1].bytes == 1000);
  CHECK(batch[2].subject == "b");
  CHECK(batch[3].kind == EventKind::blob_finished);
  CHECK(batch[4].bytes == 2000);
  queue.close();
  CHECK_FALSE(queue.wait(milliseconds(0), batch));
}

TEST_CASE("operation, events and result, reach the caller in order") {
  Operation<int> operation([](const EventSink& sink, const CancelToken&) -> Result<int> {
    for (int i = 0; i < 100; ++i) sink(event(EventKind::note, std::to_string(i)));
    return 42;
  });
  std::vector<Event> batch;
  int next = 0;
  while (operation.wait(milliseconds(100), batch))
    for (const auto& item : batch) CHECK(item.subject == std::to_string(next++));
  CHECK(next == 100);
  CHECK(operation.take_result().value() == 42);
}

TEST_CASE("operation, given up, stops its worker") {
  std::atomic<bool> stopped{false};
  {
    Operation<int> operation([&](const EventSink&, const CancelToken& cancel) -> Result<int> {
      while (!cancel.cancelled()) std::this_thread::sleep_for(milliseconds(1));
      stopped = true;
      return 1;
    });
  }
  CHECK(stopped);
}

TEST_CASE("parallel for, an error in one item, stops what has not started and is returned") {
  std::atomic<int> begun{0};
  const auto done = parallel_for(10'000, 4, {}, [&](std::size_t i) -> Result<void> {
    ++begun;
    if (i == 5) return Error(ErrorKind::build, "five");
    return {};
  });
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().what == "five");
  CHECK(begun < 10'000);
}

TEST_CASE("parallel for, several errors, returns that of the lowest number") {
  for (int round = 0; round < 50; ++round) {
    const auto done = parallel_for(8, 4, {}, [&](std::size_t i) -> Result<void> {
      if (i == 0) std::this_thread::sleep_for(milliseconds(1));  // the others are earlier
      return Error(ErrorKind::build, std::to_string(i));
    });
    REQUIRE_FALSE(done.ok());
    CHECK(done.error().what == "0");
  }
}

TEST_CASE("parallel for, all well or an exception, runs each once or says so") {
  std::vector<int> seen(1000);
  REQUIRE(parallel_for(seen.size(), 8, {}, [&](std::size_t i) -> Result<void> {
            ++seen[i];
            return {};
          }).ok());
  CHECK(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
  const auto thrown = parallel_for(3, 2, {}, [](std::size_t) -> Result<void> { throw std::runtime_error("x"); });
  CHECK(thrown.error().kind == ErrorKind::internal);
  CancelToken cancel;
  cancel.cancel();
  CHECK(parallel_for(3, 2, cancel, [](std::size_t) -> Result<void> { return {}; }).error().kind ==
        ErrorKind::cancelled);
  CHECK(parallel_for(0, 2, {}, [](std::size_t) -> Result<void> { return {}; }).ok());
}

TEST_CASE("secret, while it lives, is taken out of text, plain and in base64") {
  CHECK(redact("token hunter2hunter2") == "token hunter2hunter2");
  {
    const Secret secret("hunter2hunter2");
    const Secret copy = secret;
    Secret assigned;
    assigned = copy;
    CHECK(redact("a hunter2hunter2 b") == "a *** b");
    // Basic of user:hunter2hunter2; what is left tells of the user only.
    CHECK(redact("Basic dXNlcjpodW50ZXIyaHVudGVyMg==").find("dW50ZXIyaHVudGVy") == std::string::npos);
    const Secret odd("a\"b\\c/d+e f");
    CHECK(redact(R"({"x": "a\"b\\c/d+e f"} ?x=a%22b%5Cc%2Fd%2Be%20f)") == R"({"x": "***"} ?x=***)");
    CHECK(redact("aHVudGVyMmh1bnRlcjI=") == "***");
    CHECK(assigned.reveal() == "hunter2hunter2");
  }
  CHECK(redact("token hunter2hunter2") == "token hunter2hunter2");
  const Secret tiny("abc");
  CHECK(redact("abcdef") == "abcdef");
}
