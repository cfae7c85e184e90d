/*
 * The handlers of the devices API, one for each route (routes.c).
 */
#ifndef TB_API_DEVICES_HANDLERS_H
#define TB_API_DEVICES_HANDLERS_H

#include "api/follow.h"
#include "http/route.h"

/* ping.c, login.c */
tb_quick_fn tb_devices_get_ping;
tb_handler_fn tb_devices_post_login;

/* push.c, pull.c, ack.c, register.c */
tb_handler_fn tb_devices_post_push;
tb_handler_fn tb_devices_get_pull;
tb_handler_fn tb_devices_post_ack;
tb_handler_fn tb_devices_post_register;

/* status.c */
tb_handler_fn tb_devices_get_status;
tb_handler_fn tb_devices_get_overdue;

/* audit_list.c, audit_verify.c */
tb_handler_fn tb_devices_get_audit;
tb_handler_fn tb_devices_get_audit_verdict;

/* sockets.c */
tb_quick_fn tb_devices_get_socket;
tb_quick_fn tb_devices_post_socket;

/* follow.c */
tb_follow_fn tb_devices_follow;
tb_follow_peek_fn tb_devices_follow_peek;

#endif
