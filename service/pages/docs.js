// Starts Swagger UI, which the service brings along: nothing comes from elsewhere.
"use strict";
SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
