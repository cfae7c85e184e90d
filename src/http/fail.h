/*
 * What goes wrong, as a client is told: one table from kernel errors and one
 * from statuses.
 */
#ifndef TB_HTTP_FAIL_H
#define TB_HTTP_FAIL_H

#include <stdint.h>

#include "http/response.h"

struct tb_fail {
	unsigned status;
	const char *code;
	const char *message;
	uint32_t retry_after_s; /* 0: trying again will not help */
};

/* Never NULL. `err` is not TB_OK. */
const struct tb_fail *tb_fail_of(enum tb_err err);
/* The code of a status for which nobody knows a better one; never NULL. */
const char *tb_fail_status_code(unsigned status);
/* A status in words, as the status line has them; never NULL. */
const char *tb_fail_status_words(unsigned status);
/* Adds Retry-After unless 0. When it cannot, the answer goes without. */
void tb_fail_put_retry_after(struct tb_response *res, uint32_t seconds);

#endif
