/*
 * What an answer in JSON says around its records: how many there are in all,
 * and where the next page is. The answer's own members are read strictly; what
 * is inside a record is its own matter (jobs/connectors/records.h). Pure.
 */
#ifndef TB_JOBS_CONNECTORS_ENVELOPE_H
#define TB_JOBS_CONNECTORS_ENVELOPE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Names of members. */
struct tb_envelope_form {
	struct tb_str items;  /* empty: the answer itself is the array */
	struct tb_str total;  /* empty: nothing says it */
	struct tb_str cursor; /* likewise */
};

struct tb_envelope {
	struct tb_str items;  /* the array's text, borrowed */
	uint64_t total;       /* 0: it is not there, or no whole number */
	struct tb_str cursor; /* a text, decoded, or a whole number as written;
			       * empty: missing, null, or an empty text */
};

/* INVALID: the answer is not of this form, and `*ret_problem` says how, in a
 * static text. NOMEM, TOO_LARGE. */
enum tb_err tb_envelope_open(struct tb_arena *arena, struct tb_str answer,
			     const struct tb_envelope_form *form,
			     struct tb_envelope *ret,
			     const char **ret_problem) tb_must_check;

#endif
