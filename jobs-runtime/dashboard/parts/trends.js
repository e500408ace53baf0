// Charts of the last hour, day or week, where the server has the numbers.

export function Trends() {
  return null;
}
