/* SPDX-License-Identifier: Apache-2.0
 * How does a program compile attention kernels, and have them explained, in its own process?
 *
 *   attune_compile(source, size, NULL, &bundle)  ->  attune_bundle_open_memory(...)  (attune/attune.h)
 *
 * The source is text of the attn language, of 4 MiB at most: one kernel or several. Every function
 * that can fail returns an attune_compiler_status and leaves its output alone when it fails;
 * attune_compiler_last_message() then says why. Every function may be called from every thread, by
 * several at once; calls share nothing. A call works on a thread of its own, with a stack that is deep
 * enough for long programs, and waits for it. Nothing is written to standard output or error, and no
 * file is kept. Code for the host is linked by ld.lld, which has to be on PATH; ptxas is used where
 * there is one.
 */
#ifndef ATTUNE_COMPILER_ATTUNE_COMPILER_H
#define ATTUNE_COMPILER_ATTUNE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTUNE_COMPILER_API __attribute__((visibility("default")))

typedef enum attune_compiler_status {
  ATTUNE_COMPILER_OK = 0,
  /** The caller's mistake: a null pointer, an unknown target or stage, bytes that are no text. */
  ATTUNE_COMPILER_INVALID_ARGUMENT = 1,
  /** The source, or what the options ask of it, was refused; the message has the diagnostics. */
  ATTUNE_COMPILER_REFUSED = 2,
  /** A fault of the library itself, or no memory. */
  ATTUNE_COMPILER_INTERNAL = 7
} attune_compiler_status;

/** The version of this library, "0.1.0". */
ATTUNE_COMPILER_API const char *attune_compiler_version(void);

/** Why the last call on this thread that failed did so; "" if none has. Of refused source these are the
 * diagnostics, each
 *
 *   LINE:COLUMN: error: what was expected and what was found
 *   the line of the source
 *       ^
 *
 * with its notes below it in the same form ("note:"). Valid until the next call that fails on this
 * thread. */
ATTUNE_COMPILER_API const char *attune_compiler_last_message(void);

/** Bytes or text that a call gave. The caller frees it. */
typedef struct attune_output attune_output;

/** The bytes; one that is zero follows the last, so text is a C string. Valid until
 * attune_output_free. "" for null. */
ATTUNE_COMPILER_API const void *attune_output_data(const attune_output *output);

/** How many bytes there are, without the zero that follows. 0 for null. */
ATTUNE_COMPILER_API size_t attune_output_size(const attune_output *output);

/** Null is allowed. */
ATTUNE_COMPILER_API void attune_output_free(attune_output *output);

/** How to compile. All zero, or a null pointer to it, is all defaults. Strings are read during the call
 * only. */
typedef struct attune_compile_options {
  /** sizeof(attune_compile_options), for later versions may have more members; 0 counts as the size
   * that version 0.1 has. Members that this library does not know have to be zero. */
  size_t struct_size;
  /** Separated by commas: "sm_80", "sm_90a", "x86-64", "x86-64-v3", "x86-64-v4"; "host" for all levels
   * of x86-64, "native" for the best one of this processor. Null: "native". */
  const char *targets;
  /** Only the kernel of this name. Null: all of the source. */
  const char *kernel;
  /** Tile sizes instead of the planner's: "queries=64,keys=64,threads=128,stages=2". Null: the
   * planner's. */
  const char *plan;
  /** From 1 to 256: also make code whose tiles hold rows of so many query heads that read the same
   * keys, for launches with few queries. 0: none. */
  int64_t packed_heads;
  /** Not 0: leave out code that walks lists of the keys that a selection names. */
  int32_t without_gather;
  /** Not 0: leave out cubins, which ptxas would make beside the PTX. */
  int32_t without_assembly;
  /** A small problem with its results, tried when a kernel is first loaded on a GPU. 0: with code for
   * one generation of GPUs (sm_90a); 1: always; 2: never. */
  int32_t self_tests;
} attune_compile_options;

/** Compiles `size` bytes of source into a bundle, the bytes of a file for attune_bundle_open_memory. */
ATTUNE_COMPILER_API attune_compiler_status attune_compile(const char *source, size_t size,
                                                          const attune_compile_options *options,
                                                          attune_output **bundle);

/** Compiles up to a stage: "attn" (primitives of the language), "plan" (with tile sizes), "tile" (the
 * program of a block), "llvm"; for GPUs "nvvm", "ptx", "cubin"; for the host "object". The texts of
 * several kernels and targets are separated by lines "// -----"; "cubin" and "object" are bytes, of one
 * kernel and target only. */
ATTUNE_COMPILER_API attune_compiler_status
attune_compile_stage(const char *source, size_t size, const char *stage,
                     const attune_compile_options *options, attune_output **text);

/** What the kernels do, in words: sweeps over the keys, what is carried, the mask's normal form, tiles,
 * visible and computed pairs of one launch, advice.
 *
 * `problem` says which launch: NAME=NUMBER separated by commas, where a name is
 * - a number among the operands of a kernel: "w=256"
 * - "tokens", "kv-tokens": queries and keys (without "kv-tokens" as many as queries)
 * - another axis of a kernel, with its tokens
 * - "batch", "heads"
 * or NAME=FILE.npy, the numbers of a tensor among the operands (no comma in the path).
 * Null or "": 1024 tokens; tables, and numbers that are not given, are made up or left open. */
ATTUNE_COMPILER_API attune_compiler_status attune_explain(const char *source, size_t size,
                                                          const attune_compile_options *options,
                                                          const char *problem,
                                                          attune_output **text);

/** The mask of the first kernel and its tiles as an SVG drawing; otherwise like attune_explain. */
ATTUNE_COMPILER_API attune_compiler_status attune_picture(const char *source, size_t size,
                                                          const attune_compile_options *options,
                                                          const char *problem, attune_output **svg);

#ifdef __cplusplus
}
#endif

#endif /* ATTUNE_COMPILER_ATTUNE_COMPILER_H */
