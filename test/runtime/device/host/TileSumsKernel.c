// SPDX-License-Identifier: Apache-2.0
// A host kernel with two pre-passes, written by hand with the binary interface of compiled ones:
//   tile_sums   sums[t] = (sum, last) of the numbers of tile t          one task a tile
//   all_sums    total = sum of sums[t][0], which tile_sums has to have written
//   spread_sums o[i] = total * 1000000 + sums[tile of i][0] * 1000 + sums[tile of i][1]
// Parameters, in order:
//   tile_sums:   n: pointer, size 0;  tile (i64);  sums: pointer, stride 0
//   all_sums:    sums: pointer, sizes 0 and 1 (size 1 in 32 bits), stride 0;  total: pointer
//   spread_sums: o: pointer, size 0;  tile (i64);  sums: pointer;  total: pointer
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

static int64_t number(void *const *parameters, int index) {
  return *(const int64_t *)parameters[index];
}

EXPORT void tile_sums(void *const *parameters, int64_t taskBegin, int64_t taskEnd, void *scratch) {
  const int32_t *n = *(const int32_t *const *)parameters[0];
  int64_t size = number(parameters, 1), tile = number(parameters, 2);
  int64_t *sums = *(int64_t *const *)parameters[3], stride = number(parameters, 4);
  for (int64_t task = taskBegin; task < taskEnd; ++task) {
    int64_t *own = sums + task * stride;
    own[0] = own[1] = 0;
    for (int64_t i = task * tile; i < (task + 1) * tile && i < size; ++i) {
      own[0] += n[i];
      own[1] = n[i];
    }
  }
}

EXPORT void all_sums(void *const *parameters, int64_t taskBegin, int64_t taskEnd, void *scratch) {
  const int64_t *sums = *(const int64_t *const *)parameters[0];
  int64_t tiles = number(parameters, 1), stride = number(parameters, 3);
  int32_t width = *(const int32_t *)parameters[2];
  int64_t *total = *(int64_t *const *)parameters[4];
  *total = width == 2 ? 0 : -1;
  for (int64_t t = 0; t < tiles; ++t)
    *total += sums[t * stride];
}

EXPORT void spread_sums(void *const *parameters, int64_t taskBegin, int64_t taskEnd,
                        void *scratch) {
  int64_t *o = *(int64_t *const *)parameters[0];
  int64_t size = number(parameters, 1), tile = number(parameters, 2);
  const int64_t *sums = *(const int64_t *const *)parameters[3];
  const int64_t *total = *(const int64_t *const *)parameters[4];
  for (int64_t task = taskBegin; task < taskEnd; ++task)
    for (int64_t i = task * tile; i < (task + 1) * tile && i < size; ++i)
      o[i] = *total * 1000000 + sums[2 * task] * 1000 + sums[2 * task + 1];
}
