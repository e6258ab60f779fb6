"""Fleets, vehicles, drivers and devices in Django's admin. Every save goes through ``dispatch.fleet.services``.

Django's permissions say what a member of staff may do; of which fleets is said by ``fleets_visible_to``, here as in the
console. Objects of other fleets are in no list, no choice and no address.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, ForeignKey, Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from dispatch.fleet import services
from dispatch.fleet.errors import FleetError
from dispatch.fleet.models import Device, Driver, Fleet, Vehicle
from dispatch.fleet.selectors import fleets_visible_to

__all__ = ["DeviceAdmin", "DriverAdmin", "FleetAdmin", "VehicleAdmin"]


class _OfVisibleFleets[M: Model](admin.ModelAdmin[M]):
    """Rows of the fleets that the user may see, and only those to choose from."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """What the lists, the pages, the actions and the completion of names are about."""
        return super().get_queryset(request).filter(fleet__in=fleets_visible_to(request.user))

    def formfield_for_foreignkey(
        self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """The choice is checked again when the form comes back, whatever was completed before."""
        fleets = fleets_visible_to(request.user)
        related: Any = db_field.related_model
        kwargs["queryset"] = fleets if related is Fleet else related.objects.filter(fleet__in=fleets)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Fleet)
class FleetAdmin(admin.ModelAdmin[Fleet]):
    """Fleets: who may see them and what their clock shows."""

    list_display = ("name", "active_device_count", "visible_to", "clock_speed", "clock_anchor_fleet_at")
    search_fields = ("name",)
    ordering = ("name",)  # said again: the model's own order does not hold for rows that are counted over
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("name", "groups")}),
        (
            "Clock",
            {
                "fields": ("clock_speed", "clock_anchor_wall_at", "clock_anchor_fleet_at"),
                "description": "Leave the anchors empty for the wall clock. A replay sets both and a speed.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fleet]:
        """The visible ones, with the number of active devices and the groups."""
        visible = fleets_visible_to(request.user).order_by().values("pk")
        fleets = super().get_queryset(request).filter(pk__in=visible).prefetch_related("groups")
        return fleets.annotate(active_devices=Count("devices", filter=Q(devices__is_active=True)))

    @admin.display(description="active devices", ordering="active_devices")
    def active_device_count(self, fleet: Fleet) -> int:
        """How many devices may send."""
        return int(getattr(fleet, "active_devices", 0))

    @admin.display(description="visible to")
    def visible_to(self, fleet: Fleet) -> str:
        """The groups, by name."""
        return ", ".join(group.name for group in fleet.groups.all()) or "-"

    def save_model(
        self,
        request: HttpRequest,
        obj: Fleet,
        form: forms.ModelForm[Fleet],
        change: bool,
    ) -> None:
        """Through the service, which notifies the nodes."""
        services.save_fleet(obj)


@admin.register(Vehicle)
class VehicleAdmin(_OfVisibleFleets[Vehicle]):
    """Vehicles."""

    list_display = ("name", "registration", "fleet")
    list_filter = (("fleet", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("fleet",)
    search_fields = ("name", "registration")
    autocomplete_fields = ("fleet",)


@admin.register(Driver)
class DriverAdmin(_OfVisibleFleets[Driver]):
    """Drivers."""

    list_display = ("name", "phone", "fleet")
    list_filter = (("fleet", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("fleet",)
    search_fields = ("name", "phone")
    autocomplete_fields = ("fleet",)


class DeviceForm(forms.ModelForm[Device]):
    """Says beside the field what the database would refuse."""

    class Meta:
        model = Device
        fields = ("fleet", "unique_id", "label", "vehicle", "driver", "id_only", "is_active")

    def clean(self) -> dict[str, Any]:
        """Vehicle and driver belong to the device's fleet."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("vehicle", "driver"):
            if values.get(name) and values.get("fleet") and values[name].fleet_id != values["fleet"].pk:
                self.add_error(name, f"This {name} belongs to another fleet.")
        return values


@admin.register(Device)
class DeviceAdmin(_OfVisibleFleets[Device]):
    """Devices. A new secret is shown once, in the message after the save or the action."""

    form = DeviceForm
    list_display = ("unique_id", "label", "fleet", "vehicle", "driver", "credential_kind", "is_active")
    list_filter = (("fleet", admin.RelatedOnlyFieldListFilter), "is_active", "id_only")
    list_select_related = ("fleet", "vehicle", "driver")
    search_fields = ("unique_id", "label", "vehicle__name", "vehicle__registration", "driver__name")
    autocomplete_fields = ("fleet", "vehicle", "driver")
    actions = ("rotate_secrets", "deactivate_devices")

    @admin.display(description="credential", ordering="id_only")
    def credential_kind(self, device: Device) -> str:
        """How it proves who it is."""
        return device.credential

    def save_model(
        self,
        request: HttpRequest,
        obj: Device,
        form: forms.ModelForm[Device],
        change: bool,
    ) -> None:
        """Through the service; a secret that this made is shown once."""
        secret = services.save_device(obj)
        if secret:
            _show_secret(request, obj, secret)

    @admin.action(description="Rotate the secret (shows the new one once)", permissions=["change"])
    def rotate_secrets(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        """New secrets for the selected devices."""
        for device in devices:
            try:
                _show_secret(request, device, services.rotate_secret(device))
            except FleetError as problem:
                messages.warning(request, str(problem))

    @admin.action(description="Deactivate: refuse fixes, take off the map", permissions=["change"])
    def deactivate_devices(self, request: HttpRequest, devices: QuerySet[Device]) -> None:
        """Deactivate the selected devices; their history stays."""
        chosen = list(devices)
        services.deactivate(chosen)
        messages.success(request, f"{len(chosen)} devices deactivated.")

    def delete_model(self, request: HttpRequest, obj: Device) -> None:
        """Delete and notify the nodes."""
        super().delete_model(request, obj)
        services.notify_fleet(obj.fleet_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        """Delete and notify the nodes."""
        fleet_ids = set(queryset.values_list("fleet_id", flat=True))
        super().delete_queryset(request, queryset)
        for fleet_id in fleet_ids:
            services.notify_fleet(fleet_id)


def _show_secret(request: HttpRequest, device: Device, secret: str) -> None:
    text = "The secret of {} is <code>{}</code>. Copy it now: it is not shown again."
    messages.warning(request, format_html(text, device.unique_id, secret))
