// Colours for lines of Python. `open` is the quote of a string that is open where the line begins, or "".
const KEYWORDS = new Set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield self cls".split(" "));
const TOKEN = /(\s+)|(#.*)|([rRbBuUfFtT]{0,2})("""|'''|"|')|(@[\w.]+)|(\d[\w.]*)|([^\W\d]\w*)|([^\s\w#"'@]+|.)/uy;
function closing(text, quote, from) {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text.startsWith(quote, at)) return at + quote.length;
  }
  return -1;
}
function tokens(text, open) {
  const found = [];
  let at = 0, last = "";
  if (open) {
    const end = closing(text, open, 0);
    if (end < 0) return { parts: [["q", text]], open };
    found.push(["q", text.slice(0, end)]);
    at = end;
  }
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    let [kind, piece] = kindOf(match, last);
    if (match[4]) {
      const end = closing(text, match[4], at + match[0].length);
      piece = end < 0 ? text.slice(at) : text.slice(at, end);
      kind = "q";
      if (end < 0 && (match[4].length === 3 || text.endsWith("\\"))) return { parts: [...found, [kind, piece]], open: match[4] };
    }
    found.push([kind, piece]);
    if (!match[1]) last = piece;
    at += piece.length;
  }
  return { parts: found, open: "" };
}
function kindOf(match, last) {
  if (match[2]) return ["o", match[0]];
  if (match[5]) return ["d", match[0]];
  if (match[6]) return ["m", match[0]];
  if (match[7]) return [KEYWORDS.has(match[0]) ? "k" : last === "def" || last === "class" ? "f" : "", match[0]];
  return ["", match[0]];
}
