#include "words.hpp"

std::string greeting() {
    return "Hello from below";
}
