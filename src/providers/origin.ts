/** How addresses are shown: a path or a query may hold a secret, and with many hosted servers does. */
export const originOf = (url: string): string => URL.parse(url)?.origin ?? "no valid URL";
