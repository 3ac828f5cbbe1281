import { Kadr } from "kadr-node";

// Of KADR_API_URL and KADR_API_KEY. Only server components and route handlers import this file.
export const kadr = new Kadr();
