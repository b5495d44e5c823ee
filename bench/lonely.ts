/** Settings of a service that is alone: nobody to call, and no looking for anybody. */
export const LONELY = {
  GLEITZEIT_LOCAL: "1",
  GLEITZEIT_OLLAMA_URLS: "",
  GLEITZEIT_MCP_URLS: "",
  GLEITZEIT_PYTHON_URLS: "",
};
