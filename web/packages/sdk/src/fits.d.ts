/** Made by `web/build/fits.ts`. */
declare module "virtual:denizen-fits" {
  /** By the name of a schema: whether an instance fits. A no is no more than "ask the validator". */
  export const fits: () => ReadonlyMap<string, (instance: unknown) => boolean>;
}
