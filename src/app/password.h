/*
 * Passwords for accounts: read from standard input or a file, never from the
 * command line, and hashed. What was read is wiped.
 */
#ifndef TB_APP_PASSWORD_H
#define TB_APP_PASSWORD_H

#include "app/session.h"
#include "auth/passwords.h"

/* Reads the password of an account (--password-file, or standard input with
 * the echo off where that is a terminal) and gives its hash. Says what is
 * wrong. */
enum tb_exit tb_password_ask(struct tb_session *session,
			     enum tb_account_kind kind,
			     char ret[TB_PASSWORD_HASH_BYTES]);
/* The hash of a password, made as the configuration says. */
enum tb_err tb_password_hash(struct tb_session *session,
			     enum tb_account_kind kind, struct tb_str password,
			     char ret[TB_PASSWORD_HASH_BYTES]) tb_must_check;

/* A random password that is easily typed; with its NUL. */
#define TB_PASSWORD_RANDOM_BYTES 25
enum tb_err
tb_password_random(char ret[TB_PASSWORD_RANDOM_BYTES]) tb_must_check;

#endif
