// SPDX-License-Identifier: Apache-2.0
// Does the C header compile as C, and does its library answer?
#include <attune/attune.h>

#include <stdio.h>
#include <string.h>

int main(void) {
  attune_device *device = NULL;
  attune_bundle *bundle = NULL;
  if (attune_device_open("host:2", &device) != ATTUNE_OK) {
    printf("%s\n", attune_last_message());
    return 1;
  }
  if (strcmp(attune_device_name(device), "host:2") != 0)
    return 2;
  if (attune_bundle_open_memory("none", 4, &bundle) != ATTUNE_BAD_BUNDLE)
    return 3;
  attune_device_close(device);
  return 0;
}
