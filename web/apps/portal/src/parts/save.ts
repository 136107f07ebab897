/** Gives a text to the person as a file. */
export const saveText = (text: string, file: string): void => saveBlob(new Blob([text], { type: "text/plain" }), file);

/** Gives a file to the person. */
export function saveBlob(blob: Blob, file: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  URL.revokeObjectURL(url);
}
