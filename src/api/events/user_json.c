#include "api/events/user_json.h"

void tb_user_json_put_roles(struct tb_json_writer *w,
			    const struct tb_account *user)
{
	tb_json_key(w, TB_STR("roles"));
	tb_json_begin_array(w);
	for (size_t i = 0; i < user->n_roles; i++)
		tb_json_str(w, user->roles[i]);
	tb_json_end_array(w);
}

void tb_user_json_put(struct tb_json_writer *w, const struct tb_account *user)
{
	tb_json_begin_object(w);
	tb_json_kv_str(w, "uuid", user->key);
	tb_json_kv_str(w, "username", user->username);
	tb_user_json_put_roles(w, user);
	tb_json_kv_bool(w, "isAdmin", user->is_admin);
	tb_json_kv_bool(w, "disabled", user->disabled);
	tb_json_kv_time(w, "createdAt", user->created_us);
	tb_json_kv_time(w, "updatedAt", user->updated_us);
	tb_json_end_object(w);
}
