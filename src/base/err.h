/*
 * Errors: one enum made from err.def. Functions that can fail return it and
 * must be checked; out parameters (`ret_...`) are untouched on failure.
 */
#ifndef TB_BASE_ERR_H
#define TB_BASE_ERR_H

enum tb_err {
#define TB_ERR(name, text) TB_ERR_##name,
#include "base/err.def"
#undef TB_ERR
	TB_ERR_COUNT
};

#define TB_OK TB_ERR_OK

/* The return type of everything that can fail. */
#define tb_must_check __attribute__((warn_unused_result))

/* The name ("NOMEM") and the text ("out of memory") of a code; never NULL. */
const char *tb_err_name(enum tb_err err);
const char *tb_err_text(enum tb_err err);

#endif
