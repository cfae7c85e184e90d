#include "base/err.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *text;
} errors[] = {
#define TB_ERR(name, text) { #name, text },
#include "base/err.def"
#undef TB_ERR
};

const char *tb_err_name(enum tb_err err)
{
	return (unsigned)err < TB_ERR_COUNT ? errors[err].name : "UNKNOWN";
}

const char *tb_err_text(enum tb_err err)
{
	return (unsigned)err < TB_ERR_COUNT ? errors[err].text
					    : "unknown error";
}
