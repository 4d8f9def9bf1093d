// SPDX-License-Identifier: Apache-2.0
// A host kernel written by hand, with the binary interface of compiled ones, so that the runtime
// can be tested without the compiler:
//   o[b,h,i,:] = a[b,h,i,:] * s + (b's first element, summed over its tokens) + t[h] + w
// Each task is one (tile of 4 rows, head, batch). Parameters, in order:
//   a: pointer, sizes 0..2, strides 0..2;  b: the same;  t: pointer, size 0;  s (f32);  w (i64);
//   o: like a.
#include <stdint.h>

enum { tileRows = 4, width = 8 };

struct Tokens {
  float *data;
  int64_t sizes[3];
  int64_t strides[3];
};

static struct Tokens readTokens(void *const *parameters) {
  struct Tokens tokens;
  tokens.data = *(float *const *)parameters[0];
  for (int i = 0; i < 3; ++i) {
    tokens.sizes[i] = *(const int64_t *)parameters[1 + i];
    tokens.strides[i] = *(const int64_t *)parameters[4 + i];
  }
  return tokens;
}

static float *row(const struct Tokens *tokens, int64_t batch, int64_t head, int64_t heads,
                  int64_t token) {
  int64_t ownBatch = tokens->sizes[0] == 1 ? 0 : batch;
  int64_t ownHead = head * tokens->sizes[1] / heads;
  return tokens->data + ownBatch * tokens->strides[0] + ownHead * tokens->strides[1] +
         token * tokens->strides[2];
}

__attribute__((visibility("default"))) void scale_add(void *const *parameters, int64_t taskBegin,
                                                      int64_t taskEnd, void *scratch) {
  struct Tokens a = readTokens(parameters), b = readTokens(parameters + 7);
  const float *t = *(const float *const *)parameters[14];
  float s = *(const float *)parameters[16];
  int64_t w = *(const int64_t *)parameters[17];
  struct Tokens o = readTokens(parameters + 18);
  int64_t gridX = (o.sizes[2] + tileRows - 1) / tileRows, heads = o.sizes[1];
  float *partial = scratch;
  for (int64_t task = taskBegin; task < taskEnd; ++task) {
    int64_t tile = task % gridX, head = task / gridX % heads, batch = task / gridX / heads;
    // Through the scratch memory, to show that each thread has its own.
    partial[0] = t[head] + (float)w;
    for (int64_t j = 0; j < b.sizes[2]; ++j)
      partial[0] += row(&b, batch, head, heads, j)[0];
    for (int64_t i = tile * tileRows; i < (tile + 1) * tileRows && i < o.sizes[2]; ++i)
      for (int64_t d = 0; d < width; ++d)
        row(&o, batch, head, heads, i)[d] = row(&a, batch, head, heads, i)[d] * s + partial[0];
  }
}

// Writes where its scratch memory lies, for each task.
__attribute__((visibility("default"))) void
scratch_address(void *const *parameters, int64_t taskBegin, int64_t taskEnd, void *scratch) {
  int64_t *o = *(int64_t *const *)parameters[0];
  for (int64_t task = taskBegin; task < taskEnd; ++task)
    o[task] = (int64_t)(uintptr_t)scratch;
}
