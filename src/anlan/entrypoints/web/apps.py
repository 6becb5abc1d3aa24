from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "anlan.entrypoints.web"
    label = "web"
