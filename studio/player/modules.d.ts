declare module "texts:first" {
  const texts: Record<string, Record<string, string>>;
  export default texts;
}
declare module "texts:en" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "texts:ru" {
  const texts: Record<string, string>;
  export default texts;
}
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "media-chrome/dist/utils/i18n.js" {
  export function addTranslation(language: string, texts: Record<string, string>): void;
  export function setLanguage(language: string): void;
}
