// replay.cc: runs a fuzz target over its corpus where libFuzzer is not linked, so that every build's tests do.
//
//     NAME-fuzzer FOLDER...      each file once, in the order of their names; options of libFuzzer are passed over
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
  std::vector<std::filesystem::path> inputs;
  for (int i = 1; i < count; ++i) {
    if (arguments[i][0] == '-') continue;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) inputs.push_back(entry.path());
  }
  std::sort(inputs.begin(), inputs.end());
  for (const auto& input : inputs) {
    std::ifstream file(input, std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(file), {}};
    std::fprintf(stderr, "%s: %zu octets\n", input.filename().c_str(), octets.size());
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  }
  std::fprintf(stderr, "%zu inputs replayed\n", inputs.size());
  return inputs.empty() ? 1 : 0;  // a corpus that is not there proves nothing
}
