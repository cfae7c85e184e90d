/*
 * The handlers of the events API, one for each route (routes.c), and what
 * others read of it.
 */
#ifndef TB_API_EVENTS_HANDLERS_H
#define TB_API_EVENTS_HANDLERS_H

#include "api/follow.h"
#include "http/route.h"

/* history.c, post.c */
tb_quick_fn tb_events_get_events_quick;
tb_handler_fn tb_events_get_events;
tb_handler_fn tb_events_post_events;

/* acl.c */
tb_handler_fn tb_events_get_acl;
tb_handler_fn tb_events_put_acl;

/* users.c */
tb_handler_fn tb_events_get_users;
tb_handler_fn tb_events_post_user;
tb_handler_fn tb_events_get_user;
tb_handler_fn tb_events_put_user;
tb_handler_fn tb_events_delete_user;

/* token.c, health.c */
tb_handler_fn tb_events_post_token;
tb_quick_fn tb_events_get_health;

/* follow.c */
tb_follow_fn tb_events_follow;
tb_follow_peek_fn tb_events_follow_peek;

#endif
