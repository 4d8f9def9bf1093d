/* SPDX-License-Identifier: Apache-2.0
 * Does the compiler's header compile as C, and do both libraries answer in one program? */
#include <attune/attune.h>
#include <attune/attune_compiler.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  const char *source = "!q = !attn.rows<vector<16xf32>>\n!k = !attn.cols<vector<16xf32>>\n"
                       "attn.kernel @dense(%q: !q, %k: !k, %v: !k) -> !q {\n"
                       "  %s = dot %q, %k : !q, !k\n"
                       "  %p = softmax %s : !attn.matrix<f32>\n"
                       "  %o = contract %p, %v : !attn.matrix<f32>, !k -> !q\n"
                       "  return %o : !q\n}\n";
  attune_output *output = NULL;
  attune_bundle *bundle = NULL;
  if (attune_compile(source, strlen(source), NULL, &output) != ATTUNE_COMPILER_OK) {
    printf("%s\n", attune_compiler_last_message());
    return 1;
  }
  if (attune_bundle_open_memory(attune_output_data(output), attune_output_size(output), &bundle) !=
      ATTUNE_OK) {
    printf("%s\n", attune_last_message());
    return 2;
  }
  attune_output_free(output);
  attune_bundle_close(bundle);
  return 0;
}
