/* SPDX-License-Identifier: Apache-2.0
 * How does a program load an attention kernel from a bundle and launch it?
 *
 *   attune_bundle_open -> attune_device_open -> attune_kernel_load -> attune_kernel_launch ...
 *
 * Every function that can fail returns an attune_status and leaves its outputs alone when it fails;
 * attune_last_message() then says why in a sentence. Every function may be called from every
 * thread; a handle may be used by several threads at once, except while it is being closed. Handles
 * keep alive what they need: a bundle may be closed once its kernels are loaded, and a device may
 * be closed before its kernels are unloaded.
 */
#ifndef ATTUNE_RUNTIME_ATTUNE_H
#define ATTUNE_RUNTIME_ATTUNE_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTUNE_API __attribute__((visibility("default")))

typedef enum attune_status {
  ATTUNE_OK = 0,
  /** The caller's mistake: a null pointer, a tensor that does not fit the kernel, a bad name. */
  ATTUNE_INVALID_ARGUMENT = 1,
  /** The bundle cannot be read, is damaged, or is not a bundle. */
  ATTUNE_BAD_BUNDLE = 2,
  /** No kernel of that name, or no code in the bundle for that device. */
  ATTUNE_NOT_FOUND = 3,
  /** The device does not exist here: no driver, no such ordinal. */
  ATTUNE_NO_DEVICE = 4,
  ATTUNE_OUT_OF_MEMORY = 5,
  /** The driver or the loader refused; the message has its words. */
  ATTUNE_DEVICE_ERROR = 6,
  /** A fault of the library itself. */
  ATTUNE_INTERNAL = 7
} attune_status;

/** The version of this library, "0.1.0". */
ATTUNE_API const char *attune_version(void);

/** Why the last call on this thread that failed did so; "" if none has. Lower case, no full stop.
 * Valid until the next call that fails on this thread. */
ATTUNE_API const char *attune_last_message(void);

/*===-- Bundles ---===*/

/* A bundle is a file of compiled kernels. It contains code: open only those that you would run. */

/** A bundle in memory. It refers to nothing outside: file and bytes may go away. */
typedef struct attune_bundle attune_bundle;

/** Reads and checks a bundle file. Fails with ATTUNE_BAD_BUNDLE. */
ATTUNE_API attune_status attune_bundle_open(const char *path, attune_bundle **bundle);

/** The same from `size` bytes, which are copied. */
ATTUNE_API attune_status attune_bundle_open_memory(const void *bytes, size_t size,
                                                   attune_bundle **bundle);

/** Null is allowed. */
ATTUNE_API void attune_bundle_close(attune_bundle *bundle);

/** What made the bundle, "attune 0.1.0". Valid while the bundle is open. "" for null. */
ATTUNE_API const char *attune_bundle_producer(const attune_bundle *bundle);

/** 0 for null. */
ATTUNE_API size_t attune_bundle_kernel_count(const attune_bundle *bundle);

/** A kernel of a bundle. Its strings are valid while the bundle is open. */
typedef struct attune_kernel_info {
  const char *name;
  /** Arguments of a launch are the operands and then the results, in this order. */
  size_t operand_count;
  size_t result_count;
  size_t variant_count;
} attune_kernel_info;

/** Describes kernel `kernel`, below attune_bundle_kernel_count. */
ATTUNE_API attune_status attune_bundle_kernel(const attune_bundle *bundle, size_t kernel,
                                              attune_kernel_info *info);

/** Finds a kernel by its name. Fails with ATTUNE_NOT_FOUND; the message lists the names. */
ATTUNE_API attune_status attune_bundle_find_kernel(const attune_bundle *bundle, const char *name,
                                                   size_t *kernel);

typedef enum attune_role {
  /** A tensor (batch, heads, tokens, the shape of a token) on the query side. */
  ATTUNE_ROWS = 0,
  /** The same on the key side. */
  ATTUNE_COLS = 1,
  /** Any other tensor. */
  ATTUNE_TABLE = 2,
  /** A number. */
  ATTUNE_SCALAR = 3
} attune_role;

/** The size of a dimension that a launch decides. */
#define ATTUNE_DYNAMIC (-1)

/** One argument of a launch. Pointers are valid while the bundle is open. */
typedef struct attune_operand_info {
  const char *name;
  attune_role role;
  /** The name of the axis that the tokens lie along; "" for tables and scalars. */
  const char *axis;
  /** "f64", "f32", "f16", "bf16", "i64", "i32", "i8", "i1" (one byte), "index" (an i64). */
  const char *dtype;
  /** 0 for a scalar. */
  size_t rank;
  /** One entry a dimension: a size or ATTUNE_DYNAMIC. */
  const int64_t *shape;
} attune_operand_info;

/** Describes argument `argument` of a kernel: an operand, or from operand_count on a result. */
ATTUNE_API attune_status attune_bundle_argument(const attune_bundle *bundle, size_t kernel,
                                                size_t argument, attune_operand_info *info);

/** The code of a kernel for one target. Strings are valid as long as where they came from. */
typedef struct attune_variant_info {
  /** "sm_80", "x86-64-v3", ... */
  const char *target;
  /** "ptx", "cubin" or "elf". */
  const char *format;
  const char *entry;
  /** What made the code; may be "". */
  const char *tool;
  /** Threads of a block, and bytes of its dynamic shared memory. */
  int64_t threads;
  int64_t shared_bytes;
  /** Bytes of scratch memory that each host thread is given. */
  int64_t scratch_bytes;
  /** Bytes that pointers and outer strides of token tensors have to be multiples of. */
  int64_t alignment;
  /** Small kernels that each launch runs first, and pieces of memory that they leave their findings
   * in (attune_kernel_workspace_bytes). */
  size_t pre_pass_count;
  size_t workspace_count;
  /** The code itself. */
  const void *code;
  size_t code_size;
  /** Of a loaded kernel: why code that suits the device better was not taken (the driver refused a
   * cubin, with its words); else "". */
  const char *fallback;
} attune_variant_info;

ATTUNE_API attune_status attune_bundle_variant(const attune_bundle *bundle, size_t kernel,
                                               size_t variant, attune_variant_info *info);

/*===-- Devices ---===*/

/** Something that runs kernels. */
typedef struct attune_device attune_device;

/** Opens a device by name:
 *
 * - "host": this computer's processor, a thread for each of its cores that this process may use
 * - "host:4": the same with 4 threads
 * - "cuda": the first CUDA GPU
 * - "cuda:1": the CUDA GPU of that ordinal
 * - "sim": a simulated GPU, which runs the newest PTX of a bundle on this computer and checks it
 * - "sim:sm_80": the same, but it runs only what an sm_80 GPU could
 *
 * The CUDA driver library is looked for when a CUDA device is opened: libcuda.so.1, or what the
 * environment variable ATTUNE_LIBCUDA names. Fails with ATTUNE_NO_DEVICE. */
ATTUNE_API attune_status attune_device_open(const char *name, attune_device **device);

/** Null is allowed. Waits for nothing: synchronize first. */
ATTUNE_API void attune_device_close(attune_device *device);

/** "host:2", "cuda:0". Valid while the device is open. "" for null. */
ATTUNE_API const char *attune_device_name(const attune_device *device);

/** For people: "NVIDIA H100, sm_90", "2 threads, x86-64-v4". Valid while the device is open and its
 * instruction set is not changed. "" for null. */
ATTUNE_API const char *attune_device_description(const attune_device *device);

/** Where a tensor of this device lies: what allocate returns has this DLDevice. */
ATTUNE_API attune_status attune_device_dlpack(const attune_device *device, DLDevice *where);

/** Lets a host device use code up to this instruction set only: "x86-64", "x86-64-v3" or
 * "x86-64-v4"; null for what the processor has. Concerns kernels that are loaded later. The
 * environment variable ATTUNE_HOST_ISA does the same when a device is opened. */
ATTUNE_API attune_status attune_device_set_host_isa(attune_device *device, const char *isa);

/** Memory of the device, aligned to at least 64 bytes and not initialised. No bytes give a null
 * pointer. */
ATTUNE_API attune_status attune_device_allocate(attune_device *device, size_t bytes,
                                                void **pointer);

/** Frees what attune_device_allocate returned on the same device. Null is allowed. */
ATTUNE_API attune_status attune_device_free(attune_device *device, void *pointer);

/** Copies bytes from the caller's memory to the device, in the order of the stream; when it returns
 * the copy is complete. */
ATTUNE_API attune_status attune_device_copy_to(attune_device *device, void *to, const void *from,
                                               size_t bytes, void *stream);

/** Copies bytes from the device to the caller's memory; otherwise like attune_device_copy_to. */
ATTUNE_API attune_status attune_device_copy_from(attune_device *device, void *to, const void *from,
                                                 size_t bytes, void *stream);

/** Creates a stream: on CUDA a CUstream, which does not wait for the default stream; on the host
 * null, for there are no streams. A CUstream or cudaStream_t of the caller's will do as well. */
ATTUNE_API attune_status attune_device_create_stream(attune_device *device, void **stream);

ATTUNE_API attune_status attune_device_destroy_stream(attune_device *device, void *stream);

/** Waits until all work of the stream (null: the default stream) is done. Work that failed on the
 * device is reported here with ATTUNE_DEVICE_ERROR. */
ATTUNE_API attune_status attune_device_synchronize(attune_device *device, void *stream);

/*===-- Simulated devices ---===*/

/* A simulated device executes PTX instruction by instruction. Its memory is its own: only
 * attune_device_copy_to and _from reach it. A launch returns when the kernel has finished, and fails
 * with ATTUNE_DEVICE_ERROR when errors were found (out of bounds, races, missing waits, ...); what
 * the kernel wrote can be copied all the same. Launches allocate memory. */

/** Sets how a simulated device runs kernels from now on: NAME=VALUE separated by commas; what is not
 * named has its default. Null or "" is all defaults. The environment variable ATTUNE_SIM_OPTIONS
 * does the same when a device is opened.
 *
 * - numerics=exact|fast|f64: products as the target's tensor cores add them up; in f32; in f64
 * - completion=late|early|random: when asynchronous copies and products take effect
 * - schedule=round-robin|random|lowest-first|highest-first|starve-one: which warp runs next
 * - seed=N: decides all that is random
 * - perturb=N: moves results of approximate functions by up to 2 units in the last place
 * - contract=on|off: fuses mul and add where ptxas may
 * - split=on|off: lanes that diverged meet only at instructions that synchronise them
 * - checks=on|off: races, waits, what was never written, stated facts; bounds are always checked
 * - exclusive-writer=on|off: reports global memory that two blocks write
 * - stop-at-first=on|off: ends a launch soon after its first error
 * - instruction-limit=N: a cluster that executes more warp instructions than this is stopped
 * - counters=on|off: counts instructions, bytes, bank conflicts
 * - threads=N: threads of this computer; 0: one a core */
ATTUNE_API attune_status attune_sim_configure(attune_device *device, const char *options);

/** What the last launch on a simulated device found, in all kernels that it ran. Pointers are valid
 * until the next launch. */
typedef struct attune_sim_report {
  size_t errors;
  size_t warnings;
  /** The first findings, for people, and how many more there are; "" when there are none. */
  const char *findings;
  /** Counters and an estimate of what bounds the kernel; "" unless counters=on. */
  const char *counters;
} attune_sim_report;

ATTUNE_API attune_status attune_sim_last_report(attune_device *device, attune_sim_report *report);

/*===-- Kernels ---===*/

/** A kernel's code, loaded on a device and ready to be launched. */
typedef struct attune_kernel attune_kernel;

/** Loads the kernel of this name, choosing the variant that suits the device best; where the CUDA
 * driver refuses a cubin, the best of the others (attune_variant_info.fallback says why). All that a
 * launch could need is allocated here. Where the bundle has a self-test for the kernel (a small
 * problem with known results, of less than 10 ms), the first load of its code on a GPU runs it on the
 * default stream, once for a driver in each process, and fails with ATTUNE_DEVICE_ERROR if the code
 * computes something else; the environment variable ATTUNE_SELF_TEST=off leaves that out, =on runs it
 * on every device. Fails with ATTUNE_NOT_FOUND when the bundle has no such
 * kernel or no code that the device can run; the message lists what there is. */
ATTUNE_API attune_status attune_kernel_load(attune_device *device, const attune_bundle *bundle,
                                            const char *name, attune_kernel **kernel);

/** Null is allowed. The kernel has to have finished: synchronize its streams first. */
ATTUNE_API void attune_kernel_unload(attune_kernel *kernel);

/** The variant that was chosen. Pointers are valid while the kernel is loaded; `code` is null. */
ATTUNE_API attune_status attune_kernel_variant(const attune_kernel *kernel,
                                               attune_variant_info *info);

typedef enum attune_argument_kind {
  ATTUNE_TENSOR = 0,
  ATTUNE_INTEGER = 1,
  ATTUNE_REAL = 2
} attune_argument_kind;

/** One argument of a launch. */
typedef struct attune_argument {
  attune_argument_kind kind;
  union {
    /** Read during the launch only; its data until the kernel has finished. Null strides mean
     * row-major without gaps. The data may be null when the tensor has no elements. */
    const DLTensor *tensor;
    /** For i64, i32, i8, i1 and index. */
    int64_t integer;
    /** For f64, and rounded for f32. */
    double real;
  } value;
} attune_argument;

/** Checks the arguments (all operands, then all results) and launches.
 *
 * Checked, with a message that names the operand: rank, dtype, device, sizes that the kernel fixes,
 * contiguity and alignment where the code relies on it; equal token counts along an axis; batch
 * sizes (1 or a common one); head counts (each divides the largest; results have the largest); that
 * no size is 2^31 or more; what the kernel itself demands of its axes and scalars. If one of them
 * fails, nothing has been launched. Facts that the kernel states of its integers (attn.sorted,
 * attn.contiguous, attn.range) are read and checked by simulated devices alone, unless checks=off;
 * elsewhere a launch whose integers are otherwise has no defined result.
 *
 * On CUDA the kernel is enqueued on `stream` (a CUstream; null is the default stream) and the call
 * returns at once. On the host the call returns when the kernel has finished, launches of one
 * device take turns, and `stream` has to be null. No launch waits for the device, and none
 * allocates memory unless the kernel has workspaces (attune_kernel_workspace_bytes). An empty
 * problem (some launch dimension is zero) succeeds and launches nothing. Results may not overlap
 * each other or the operands; that is not checked. */
ATTUNE_API attune_status attune_kernel_launch(attune_kernel *kernel,
                                              const attune_argument *arguments, size_t count,
                                              void *stream);

/** How much memory a launch with these arguments takes for its workspaces: what small kernels, run
 * before the main one by the same launch, find out for it. 0 for most kernels, and for an empty
 * problem. A launch allocates it and gives it back: on CUDA in the order of its stream, by
 * cuMemAllocAsync and cuMemFreeAsync (CUDA 11.2); elsewhere on the heap. Checks the arguments as
 * attune_kernel_check does. */
ATTUNE_API attune_status attune_kernel_workspace_bytes(const attune_kernel *kernel,
                                                       const attune_argument *arguments,
                                                       size_t count, size_t *bytes);

/** Which code a launch with these arguments runs: mostly that of attune_kernel_variant; a bundle may
 * have more for the same target, made for few queries whose heads share keys (attn-compile
 * --pack-heads), which then says so by its entry. Of `info`, `fallback` is "". Checks the arguments as
 * attune_kernel_check does. */
ATTUNE_API attune_status attune_kernel_variant_for(const attune_kernel *kernel,
                                                   const attune_argument *arguments, size_t count,
                                                   attune_variant_info *info);

/** The checks of attune_kernel_launch without the launch. */
ATTUNE_API attune_status attune_kernel_check(const attune_kernel *kernel,
                                             const attune_argument *arguments, size_t count);

/*===-- Measuring ---===*/

/** Measures what the processor can do at most: f32 fused multiply-adds in registers, with the
 * widest vectors that it has, on `threads` threads at once (0: one a core that this process may
 * use). Takes about 0.1 seconds. The result is in 10^9 operations a second, a multiply-add counting
 * as two. */
ATTUNE_API attune_status attune_host_probe_fma_peak(int threads, double *gflops);

#ifdef __cplusplus
}
#endif

#endif /* ATTUNE_RUNTIME_ATTUNE_H */
