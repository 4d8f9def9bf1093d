// SPDX-License-Identifier: Apache-2.0
// Do ptxas and the simulator accept and refuse the same? Skipped where there is no ptxas.
#include "runtime/sim/program/Decoder.h"
#include "test/runtime/sim/ptx/SampleText.h"
#include "test/runtime/sim/ptx/Snippets.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace attune::sim;
namespace fs = std::filesystem;

extern char **environ;

namespace {

/// What the simulator says to a module; "" when it accepts it.
std::string simulatorSays(const std::string &text) {
  try {
    ptx::Module module = ptx::parse(text);
    for (const ptx::Function &function : module.functions)
      decode(module, function);
    return "";
  } catch (const LoadError &error) {
    return error.what();
  }
}

std::string wholeModule(const char *text) {
  return std::string(".version 8.6\n.target sm_90a\n.address_size 64\n") + text;
}

class PtxasAgrees : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "attune-ptxas-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    ptxas = findPtxas();
    if (ptxas.empty())
      GTEST_SKIP() << "no ptxas on PATH: its opinion is not asked";
  }
  void TearDown() override { fs::remove_all(folder); }

  static std::string findPtxas() {
    std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
    for (std::string entry; std::getline(path, entry, ':');)
      if (access((entry + "/ptxas").c_str(), X_OK) == 0)
        return entry + "/ptxas";
    return "";
  }

  /// What ptxas says to a module; "" when it accepts it.
  std::string ptxasSays(const std::string &text, const std::string &target) {
    std::string input = folder / "input.ptx", output = folder / "output.txt";
    std::ofstream(input) << text;
    std::string arch = "-arch=" + target;
    const char *arguments[] = {ptxas.c_str(), arch.c_str(), "-O0",  input.c_str(),
                               "-o",          "/dev/null",  nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child = 0;
    int failed = posix_spawn(&child, ptxas.c_str(), &actions, nullptr,
                             const_cast<char **>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
      return "ptxas cannot be started";
    int status = 0;
    waitpid(child, &status, 0);
    std::stringstream said;
    said << std::ifstream(output).rdbuf();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "ptxas says: " + said.str();
  }

  fs::path folder;
  std::string ptxas;
};

/// Modules of many entries: ptxas takes longer to start than to read.
class ManyEntries {
public:
  explicit ManyEntries(const std::string &target) : target(target) {}
  void add(const char *body) {
    std::string sample = sampleModule(body, target);
    size_t begin = sample.find(".visible .entry");
    if (bodies.empty())
      text = sample.substr(0, begin);
    std::string entry = sample.substr(begin);
    entry.replace(entry.find(" k("), 2, " k" + std::to_string(bodies.size()));
    size_t line = 1 + size_t(std::count(text.begin(), text.end(), '\n'));
    bodies.push_back({body, line, line + size_t(std::count(entry.begin(), entry.end(), '\n'))});
    text += entry;
  }
  /// The bodies that an error with its line is about.
  std::set<const char *> namedBy(const std::string &messages) const {
    std::set<const char *> named;
    for (size_t at = messages.find("line "); at != std::string::npos;
         at = messages.find("line ", at + 1)) {
      char *behind = nullptr;
      size_t line = std::strtoul(messages.c_str() + at + 5, &behind, 10);
      if (std::string_view(behind).substr(0, 7) != "; error")
        continue;
      for (const Body &body : bodies)
        if (line >= body.begin && line < body.end)
          named.insert(body.text);
    }
    return named;
  }

  std::string text;

private:
  struct Body {
    const char *text;
    size_t begin, end;
  };
  std::string target;
  std::vector<Body> bodies;
};

TEST(Simulator, AcceptsGoodStatements) {
  for (const char *body : goodSnippets) {
    EXPECT_EQ(simulatorSays(sampleModule(body)), "");
    EXPECT_EQ(simulatorSays(sampleModule(body, "sm_80")), "");
  }
  for (const char *body : goodHopperSnippets)
    EXPECT_EQ(simulatorSays(sampleModule(body)), "");
  for (const char *text : goodModules)
    EXPECT_EQ(simulatorSays(wholeModule(text)), "") << text;
}

TEST(Simulator, RefusesBadStatements) {
  for (const BadSnippet &bad : badSnippets)
    EXPECT_NE(simulatorSays(sampleModule(bad.body, bad.target)), "") << bad.body;
  for (const char *body : badTexts)
    EXPECT_NE(simulatorSays(sampleModule(body)), "") << body;
  for (const char *text : badModules)
    EXPECT_NE(simulatorSays(wholeModule(text)), "") << text;
}

TEST_F(PtxasAgrees, OnGoodStatements) {
  ManyEntries ampere("sm_80"), hopper("sm_90a");
  for (const char *body : goodSnippets) {
    ampere.add(body);
    hopper.add(body);
  }
  for (const char *body : goodHopperSnippets)
    hopper.add(body);
  EXPECT_EQ(ptxasSays(ampere.text, "sm_80"), "") << ampere.text;
  EXPECT_EQ(ptxasSays(hopper.text, "sm_90a"), "") << hopper.text;
  for (const char *text : goodModules)
    EXPECT_EQ(ptxasSays(wholeModule(text), "sm_90a"), "") << text;
}

/// What an error of ptxas names is refused. One error can hide others: what is left is asked again,
/// and once no more is named, one by one.
TEST_F(PtxasAgrees, OnBadStatements) {
  for (std::string target : {"sm_80", "sm_90", "sm_90a"}) {
    std::vector<const char *> open;
    for (const BadSnippet &bad : badSnippets)
      if (bad.target == target)
        open.push_back(bad.body);
    for (size_t before = open.size() + 1; open.size() < before;) {
      before = open.size();
      ManyEntries module(target);
      for (const char *body : open)
        module.add(body);
      std::set<const char *> named = module.namedBy(ptxasSays(module.text, target));
      std::erase_if(open, [&](const char *body) { return named.count(body); });
    }
    for (const char *body : open)
      EXPECT_NE(ptxasSays(sampleModule(body, target), target), "") << body;
  }
  for (const char *body : badTexts)
    EXPECT_NE(ptxasSays(sampleModule(body), "sm_90a"), "") << body;
  for (const char *text : badModules)
    EXPECT_NE(ptxasSays(wholeModule(text), "sm_90a"), "") << text;
}

} // namespace
