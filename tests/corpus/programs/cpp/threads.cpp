#include <atomic>
#include <barrier>
#include <condition_variable>
#include <coroutine>
#include <future>
#include <iostream>
#include <mutex>
#include <queue>
#include <thread>
struct Numbers {
    struct promise_type {
        int current = 0;
        Numbers get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(int n) { current = n; return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
    ~Numbers() { handle.destroy(); }
    bool next() { handle.resume(); return !handle.done(); }
};
Numbers squares(int to) { for (int n = 0; n < to; n++) co_yield n * n; }
int main() {
    std::mutex mutex; std::condition_variable ready; std::queue<int> queue; long sum = 0;
    std::jthread consumer([&] {
        for (int taken = 0; taken < 1000; taken++) {
            std::unique_lock lock(mutex);
            ready.wait(lock, [&] { return !queue.empty(); });
            sum += queue.front(); queue.pop();
        }
    });
    for (int n = 0; n < 1000; n++) { { std::lock_guard lock(mutex); queue.push(n); } ready.notify_one(); }
    consumer.join();
    auto later = std::async(std::launch::async, [] { return 6 * 7; });
    auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("in a future"); });
    std::cout << sum << " " << later.get() << "\n";
    try { failing.get(); } catch (const std::exception& e) { std::cout << e.what() << "\n"; }
    std::barrier sync(3); std::atomic<int> phases = 0;
    { std::vector<std::jthread> all; for (int n = 0; n < 3; n++) all.emplace_back([&] { for (int i = 0; i < 5; i++) { phases++; sync.arrive_and_wait(); } }); }
    std::cout << phases << "\n";
    Numbers numbers = squares(5);
    while (numbers.next()) std::cout << numbers.handle.promise().current << " ";
    std::cout << std::endl;
    std::quick_exit(9);
}
