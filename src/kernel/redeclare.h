/*
 * Collections that are declared otherwise than before: whether what is stored
 * contradicts it, and its places anew. What an org's records are placed by is
 * kept with them, as the text that the caller gives; what it means is the
 * caller's. Reads in short snapshots, writes in bounded commits.
 */
#ifndef TB_KERNEL_REDECLARE_H
#define TB_KERNEL_REDECLARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "kernel/core.h"
#include "kernel/declaration.h"

/* The text (JSON) that was kept last; p NULL: none was. In the arena. */
enum tb_err tb_redeclare_kept(struct tb_core *core, struct tb_arena *arena,
			      uint32_t org, struct tb_str *ret) tb_must_check;
/* Keeps another text. `resighted` names the collections of which others are
 * seen under it than under the last: readers start over (kernel/restart.h). */
enum tb_err tb_redeclare_keep(struct tb_core *core, uint32_t org,
			      struct tb_str text,
			      const struct tb_str *resighted,
			      size_t n_resighted) tb_must_check;

/* One collection. The caller fills in the first part. */
struct tb_redeclared {
	const struct tb_collection *now;
	/* Its ids were of another type before, and somebody knows them. */
	bool changes_ids;

	/* Set by tb_redeclare_check, in its arena: records that contradict. */
	uint64_t n_wrong;
	struct tb_str first;   /* the key of the first that was found */
	struct tb_str message; /* what is wrong with it */
};

/* Looks at all records of these collections in an org. Counts are added up over
 * calls. */
enum tb_err tb_redeclare_check(struct tb_core *core, struct tb_arena *arena,
			       uint32_t org, struct tb_redeclared *list,
			       size_t n) tb_must_check;

/* Gives all records of these collections the places that the core's
 * declaration says. One that cannot be (in too many scopes; another has its
 * id) stays where it is, and is counted in `*ret_left`. */
enum tb_err tb_redeclare_place(struct tb_core *core, uint32_t org,
			       const struct tb_collection *const *list,
			       size_t n, uint64_t *ret_left) tb_must_check;

#endif
