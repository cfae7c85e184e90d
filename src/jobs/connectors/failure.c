#include "jobs/connectors/failure.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX_BYTES 500

/* Of a text that was cut anywhere: drops what may be half a character. */
static void cut_at_character(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && (text[n - 1] & 0x80))
		n--;
	text[n] = '\0';
}

enum tb_err tb_failure_set(struct tb_connector_failure *ret,
			   struct tb_arena *arena, enum tb_err err,
			   const char *code, bool may_pass, const char *fmt,
			   ...)
{
	char text[MESSAGE_MAX_BYTES];
	struct tb_str message;
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n >= (int)sizeof(text))
		cut_at_character(text);
	if (tb_arena_strdup(arena, tb_str_z(text), &message) != TB_OK)
		message = tb_str_z(tb_err_text(err));
	*ret = (struct tb_connector_failure) {
		.code = code,
		.message = message,
		.may_pass = may_pass,
	};
	return err;
}

void tb_failure_fill(struct tb_connector_failure *ret, enum tb_err err)
{
	*ret = (struct tb_connector_failure) {
		.code = err == TB_ERR_NOMEM       ? "memory"
			: err == TB_ERR_TOO_LARGE ? "too_large"
						  : "internal",
		.message = tb_str_z(tb_err_text(err)),
		.may_pass = err == TB_ERR_NOMEM,
	};
}

const char *tb_failure_plain(struct tb_str text,
			     char ret[TB_FAILURE_PLAIN_MAX_BYTES + 1])
{
	size_t n = text.n < TB_FAILURE_PLAIN_MAX_BYTES
			   ? text.n
			   : TB_FAILURE_PLAIN_MAX_BYTES;

	for (size_t i = 0; i < n; i++)
		ret[i] =
			text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?';
	ret[n] = '\0';
	return ret;
}
