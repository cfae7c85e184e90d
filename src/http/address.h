/*
 * Who is at the other end: IP addresses, CIDR blocks, the forwarding headers
 * of trusted proxies, and what counts as loopback. Pure.
 */
#ifndef TB_HTTP_ADDRESS_H
#define TB_HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"
#include "http/request.h"

/* An address, IPv4 as ::ffff:a.b.c.d, so that both compare alike. */
struct tb_ip {
	uint8_t bytes[16];
};

struct tb_cidr {
	struct tb_ip ip;
	unsigned bits; /* of the 128 that must be equal */
};

#define TB_IP_TEXT_MAX INET6_ADDRSTRLEN

/* "10.0.0.1", "2001:db8::1"; INVALID: anything else. */
enum tb_err tb_ip_parse(struct tb_str text, struct tb_ip *ret) tb_must_check;
/* The same with an optional port and brackets, as proxies write it. */
enum tb_err tb_ip_parse_node(struct tb_str text,
			     struct tb_ip *ret) tb_must_check;
/* An IPv4 or IPv6 socket address; INVALID: another family. */
enum tb_err tb_ip_from_sockaddr(const struct sockaddr *addr,
				struct tb_ip *ret) tb_must_check;
/* IPv4 in dotted form. Returns the length, without the NUL behind it. */
size_t tb_ip_format(const struct tb_ip *ip, char ret[TB_IP_TEXT_MAX]);

/* "10.0.0.0/8", "fd00::/8", or an address alone. INVALID: anything else. */
enum tb_err tb_cidr_parse(struct tb_str text,
			  struct tb_cidr *ret) tb_must_check;
bool tb_cidr_contains(const struct tb_cidr *cidr, const struct tb_ip *ip);

/* The client behind the peer: the peer itself unless it is inside one of the
 * trusted blocks; else the right-most address of X-Forwarded-For (or, when
 * there is none, of Forwarded; RFC 7239) that is not. What stands left of an
 * entry that is no address is nobody's word and is not looked at. */
struct tb_ip tb_address_client(const struct tb_ip *peer,
			       const struct tb_cidr *trusted, size_t n_trusted,
			       const struct tb_header *headers,
			       size_t n_headers);

/* True if a proxy has handled the request: Forwarded, X-Forwarded-anything,
 * X-Real-IP, Via. */
bool tb_address_is_forwarded(const struct tb_header *headers, size_t n_headers);
/* A Host of this machine: 127.0.0.1, localhost or [::1], any port. */
bool tb_address_host_is_loopback(struct tb_str host);
/* An Origin of this machine: http or https, and a loopback host. */
bool tb_address_origin_is_loopback(struct tb_str origin);
/* True for "scheme://host" with an optional port and nothing behind it. */
bool tb_address_is_origin(struct tb_str text);

#endif
