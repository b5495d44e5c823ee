/** Names of HTTP headers. */

/** A token of RFC 9110, 5.6.2. */
export const isHeaderName = (text: string): boolean => /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(text);
