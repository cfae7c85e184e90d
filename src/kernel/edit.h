/*
 * What the centre itself writes: users' edits (resource.h) and what operators
 * apply (settle.h). A record goes where its body says; one that names no store
 * and no parent stays at the centre, where no site may take it.
 */
#ifndef TB_KERNEL_EDIT_H
#define TB_KERNEL_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/declaration.h"
#include "kernel/view.h"

struct tb_edit {
	const struct tb_collection *collection; /* NULL: not declared */
	uint64_t coll;               /* rid of the collection's name */
	struct tb_str key;           /* of the record */
	const struct tb_record *old; /* as the view has it; NULL: none */
	struct tb_str body;          /* borrowed until the group has ended */
	bool deleted;
	bool is_synced; /* see struct tb_put */
	uint64_t id;    /* of a new record with an integer id */
};

/* Writes it; `*ret` is the record as it is then. TOO_LARGE: it is in too many
 * places; then no record changed, though names may have been made. The body is
 * a JSON object, and no other record has the id. */
enum tb_err tb_edit_write(struct tb_view *view, const struct tb_edit *edit,
			  const struct tb_record **ret) tb_must_check;

#endif
