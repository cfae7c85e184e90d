#include "auth/basic.h"

#include "codec/digest.h"

enum tb_err tb_basic_parse(struct tb_str text, struct tb_buf *scratch,
			   struct tb_str *ret_name, struct tb_str *ret_password)
{
	struct tb_str password;
	struct tb_str name;
	enum tb_err err;

	if (text.n > TB_BASIC_MAX_BYTES)
		return TB_ERR_INVALID;
	tb_buf_reset(scratch);
	err = tb_base64_parse(text, scratch);
	if (err != TB_OK)
		return err;
	password = tb_buf_str(scratch);
	if (tb_str_has_control(password))
		return TB_ERR_INVALID;
	/* The first colon ends the name; a password may hold more of them. */
	name = tb_str_cut(&password, ':');
	if (name.n == 0 || password.p == NULL)
		return TB_ERR_INVALID;
	*ret_name = name;
	*ret_password = password;
	return TB_OK;
}
