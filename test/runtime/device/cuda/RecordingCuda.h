// SPDX-License-Identifier: Apache-2.0
// How does a test ask the recording CUDA driver what it was called with, and tell it to fail?
//
// The driver is a shared object with the symbols of libcuda.so.1; ATTUNE_LIBCUDA names it. It
// checks what a real driver checks (initialisation, current context, handles, sizes, shared
// memory, threads), keeps device memory in host memory, runs nothing, and records each call as a
// line of text. With ATTUNE_RECORDING_CUDA_LOG set it also appends the lines to the file of that
// name; ATTUNE_RECORDING_CUDA_CAPABILITY=90 says which GPU it has, until a test does. Parameters of
// a launch are recorded byte by byte: their sizes come from the cubin, or from the .param
// declarations of PTX, which a test may pass off as a cubin by an ELF magic number before it.
#pragma once

#include <stddef.h>

extern "C" {

/// Forgets all lines and failures; one GPU of compute capability 8.0 with 163 KiB of shared memory
/// a block. Objects that are alive stay so.
void recordingCudaReset(void);

void recordingCudaSetGpus(int count, int capability);

/// As cuDriverGetVersion gives it; 13000 after a reset.
void recordingCudaSetDriverVersion(int version);

/// Computes what a kernel would: called for each launch that succeeds, with the parameters' values;
/// device memory is memory of this process. Null after a reset.
typedef void (*RecordingCudaHook)(const char *kernel, void **parameters);
void recordingCudaOnLaunch(RecordingCudaHook hook);

/// Lines recorded since the reset, oldest first. Valid until the next call of the driver.
size_t recordingCudaLineCount(void);
const char *recordingCudaLine(size_t index);

/// Lets the next call of this function fail with this code.
void recordingCudaFailNext(const char *function, int code);

/// Contexts retained and pushed, modules, streams and allocations that have not been given back.
int recordingCudaAlive(void);

/// Frees all memory that has not been given back.
void recordingCudaForgetMemory(void);
}
