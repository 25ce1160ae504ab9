#include <chrono>
#include <iostream>
#include <system_error>
#include <thread>

int main() {
    try {
        for (int i = 0; i < 2000; i++)
            std::thread([] { std::this_thread::sleep_for(std::chrono::seconds(100)); }).detach();
    } catch (const std::system_error &error) {
        std::cerr << error.what() << std::endl;
        std::_Exit(1);
    }
}
