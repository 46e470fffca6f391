/** Text that Markdown would show as it stands, so that it needs no parser. */

/** Everything that could begin markup anywhere, or at the beginning; also addresses, which become links. */
const markup = /[\\`*_~[\]<>&|\t\r\n@]|:\/\/|www\.|^[\s#+=-]|^\d+[.)]|\s$|\s{2}/i

/** One paragraph of plain words. When in doubt it is not. */
export const isUnmarked = (text: string): boolean => text !== "" && !markup.test(text)
