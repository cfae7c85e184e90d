/*
 * The handlers of the resources API, one for each route (routes.c), and what
 * others read of it.
 */
#ifndef TB_API_RESOURCES_HANDLERS_H
#define TB_API_RESOURCES_HANDLERS_H

#include "api/follow.h"
#include "http/route.h"

/* list.c, one.c */
tb_quick_fn tb_resources_get_list_quick;
tb_handler_fn tb_resources_get_list;
tb_handler_fn tb_resources_get_one;

/* create.c, update.c, change.c */
tb_handler_fn tb_resources_post_record;
tb_handler_fn tb_resources_put_sync_update;
tb_handler_fn tb_resources_put_record;
tb_handler_fn tb_resources_patch_record;
tb_handler_fn tb_resources_delete_record;

/* history.c, conflicts.c */
tb_handler_fn tb_resources_get_history;
tb_handler_fn tb_resources_get_conflicts;

/* token.c */
tb_handler_fn tb_resources_post_token;
tb_handler_fn tb_resources_post_refresh;

/* status.c */
tb_quick_fn tb_resources_get_status;

/* follow.c */
tb_follow_fn tb_resources_follow;
tb_follow_peek_fn tb_resources_follow_peek;

#endif
